// A6, R28, R29. The broker closes the consumer's channel at any moment: while it works on a job, while
// it is idle, behind an ack that has left nothing to do, and at an ack. Each time it must open another and
// go on; a process that only lives, or burns a CPU, is not enough.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['A6', 'R28', 'R29'],
  target: 'consumer',
  load: { rate: 25, duration: '12s' },
  expect: { recovery: '2s', cpu: 0.25 },
  catches: {
    'A6-dead-channel': 'no-stall',
    'A6-notices-at-ack': 'no-stall',
    'R29-spin': 'busy',
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
    faults.on('deliver', 'close-channel-after', { from: 'broker', nth: 2, code: 406 }), // working
    faults.on('ack', 'close-channel-after', { nth: 2, code: 406 }), // idle
    faults.on('ack', 'close-channel', { nth: 2, code: 406 }), // acking
  ]) {
    const active = await run.inject(fault);
    await active.inEffect();
    await active.heal();
    await run.recovered();
  }
}
