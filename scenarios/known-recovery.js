// How exact is our clock? This target stays away for exactly 1 s when it has lost its connection. What
// is measured beyond that is our own error, and the little time that the backlog takes to drain.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'A8',
  target: 'known',
  load: { rate: 100, duration: '7s' },
  expect: { recovery: '3s', known: '1s' },
  catches: { 'never-back': 'recovered' },
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
  const fault = await run.inject(faults.on('ack', 'cut', { nth: 5 }));
  await fault.inEffect();
  await fault.heal();
  await run.recovered();
}
