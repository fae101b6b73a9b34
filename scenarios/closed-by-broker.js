// R7. The channel is closed with 406, and the consumer that opens another is told three times that its
// queue is not found (404: the queue's node is on its way back). Later the connection is closed with 541,
// an error inside the broker. None of this is for good: the consumer must try again, in the same process.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R7',
  target: 'consumer',
  load: { rate: 100, duration: '10s' },
  expect: { recovery: '2s', inFlight: true },
  catches: { 'R7-missing-is-for-good': 'no-stall' },
});

export const options = run.options;

export function setup() {
  run.start();
}

export function load() {
  run.submit({ prompt: 'a cat on a bicycle' });
}

export async function story() {
  await run.steady();
  const missing = await run.inject(faults.on('consume', 'close-channel', { times: 3, code: 404 }));
  const closed = await run.inject(faults.on('ack', 'close-channel', { nth: 5, code: 406 }));
  await closed.inEffect();
  await closed.heal();
  await missing.spent();
  await missing.heal();
  await run.recovered();
  const broken = await run.inject(faults.on('ack', 'close-connection', { nth: 5, code: 541 }));
  await broken.inEffect();
  await broken.heal();
  await run.recovered();
}
