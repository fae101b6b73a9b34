// R70. A job kills the AI process each time that it is tried. That is not the fault of the jobs that are
// there at the same time: they are done. The one that does it is given up after its limit, before the
// restarts are used up and the instance is terminated for it.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R70',
  target: 'consumer',
  needs: ['memory', 'alerts', 'dead'],
  load: { rate: 50, duration: '14s' },
  // Each crash is an incident of its own: one when the job is not suspected yet, MAX_CRASHES (2) of it alone.
  expect: { recovery: '3s', hooks: { restart: { min: 3, max: 3 } }, alerts: 3 },
  catches: { 'R70-never-its-fault': 'dead-letters' },
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
  const deadly = await run.inject(faults.worker([{ do: 'oom', match: 'poison pill' }]));
  const pill = await run.inject(faults.messages('poison'));
  await deadly.inEffect();
  await pill.heal();
  await pill.gone();
  await deadly.heal();
  await run.recovered();
}
