// R60. The consumer is killed (SIGKILL: out of memory, a lost host) while jobs are in work, and then
// once more after it has reported a job and before its ack has arrived. What it held must be done by
// its next process, and what it had reported must count once.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R60',
  target: 'consumer',
  load: { rate: 100, duration: '7s' },
  expect: { recovery: '3s', inFlight: true },
  catches: {
    'R60-key-per-process': 'duplicates',
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
  // Jobs that take long are in work, and not just on their way, when it is struck.
  const slow = await run.inject(faults.worker([{ do: 'slow', delay: '200ms', times: 4 }]));
  await back(await run.inject(faults.process('kill', { holding: 6 })));
  await slow.spent();
  await slow.heal();
  await run.recovered();
  await back(await run.inject(faults.process('kill', { at: 'ack' })));
  await run.recovered();
}

/** @param {import('k6/x/comeback').ActiveFault} killed */
async function back(killed) {
  await killed.inEffect();
  await killed.heal();
  await killed.gone();
}
