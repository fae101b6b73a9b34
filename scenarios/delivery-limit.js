// R77. A quorum queue counts how often it delivers a message, and gives it up after its limit: the last line
// against a job that kills the AI process each time, when no consumer lives long enough to count. It must
// then be dead-lettered and not dropped. Real: 20 redeliveries; here 3.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R77',
  target: 'consumer',
  needs: ['memory', 'alerts', 'quorum', 'single'],
  load: { rate: 25, duration: '14s' },
  // It is delivered four times at most, and not each time to an AI process that lives to be killed by it.
  expect: { recovery: '5s', hooks: { restart: { min: 1, max: 4 } }, alerts: { min: 1, max: 4 } },
  catches: { 'R77-no-delivery-limit': 'dead-letters', 'R76-expired-vanish': 'dead-letters' },
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
