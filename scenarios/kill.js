// R60. The consumer is killed (SIGKILL: out of memory, a lost host) while it works on jobs, and then
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
  for (const kill of [faults.process('kill'), faults.process('kill', { at: 'ack' })]) {
    const killed = await run.inject(kill);
    await killed.inEffect();
    await killed.heal();
    await killed.gone();
    await run.recovered();
  }
}
