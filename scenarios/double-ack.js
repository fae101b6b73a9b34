// R20, R23, R24. An ack is on the wire twice, and later a tag is rejected that nobody was given: the broker
// closes the channel (406). If a delivery is on its way at that moment, the client library makes a 504 of
// that, which takes the whole connection. The consumer must come back from either, and not ack twice itself.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['R20', 'R23', 'R24'],
  target: 'consumer',
  load: { rate: 100, duration: '11s' },
  expect: { recovery: '2s', inFlight: true },
  catches: {
    'R20-one-connection': 'no-loss',
    'R23-ack-twice': 'settle',
  },
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
    faults.on('ack', 'duplicate', { nth: 5 }),
    faults.on('deliver', 'close-channel-before', { from: 'broker', nth: 5, code: 406 }), // 504, every time
    faults.on('deliver', 'phantom-reject', { from: 'broker', nth: 5 }),
  ]) {
    const active = await run.inject(fault);
    await active.inEffect();
    await active.heal();
    await run.recovered();
  }
}
