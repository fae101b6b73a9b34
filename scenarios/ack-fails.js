// A8. The ack of a finished job fails: first the connection is cut at the ack, then the ack is lost
// on its way, then the broker answers it with 406. Each time the job must count once, and the next
// job must go on.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'A8',
  target: 'consumer',
  load: { rate: 100, duration: '12s' },
  expect: { recovery: '3s', inFlight: true },
  catches: { 'A8-throw-on-ack': 'no-stall' },
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
  for (const fault of [
    faults.on('ack', 'cut', { nth: 5 }),
    faults.on('ack', 'swallow', { nth: 5 }),
    faults.on('ack', 'close-channel', { nth: 5, code: 406 }),
  ]) {
    const active = await run.inject(fault);
    await active.inEffect();
    await active.heal();
    await run.recovered();
  }
}
