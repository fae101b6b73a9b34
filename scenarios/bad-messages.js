// R72, R73. Messages that can never be a job: no JSON, half a JSON, no prompt, a number for a prompt,
// nothing at all, a picture; and jobs without a message-id, which nobody could recognise when they come
// again. Each is dead-lettered, once; the good ones around them go on.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['R72', 'R73'],
  target: 'consumer',
  needs: 'dead',
  load: { rate: 50, duration: '8s' },
  expect: { recovery: '1s' },
  catches: { 'R72-requeue-malformed': 'dead-letters', 'R73-made-up-id': 'unexpected' },
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
  for (const bad of [faults.messages('malformed', { count: 14 }), faults.messages('anonymous', { count: 5 })]) {
    const batch = await run.inject(bad);
    await batch.inEffect();
    await batch.heal();
    await run.recovered();
  }
}
