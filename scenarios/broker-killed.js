// R2. The broker crashes in the middle of jobs and comes back on its data. Acks of the last second may
// be forgotten, and whatever comes again says redelivered, jobs that nobody has ever begun too: each
// job must be done all the same, and count once.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R2',
  target: 'consumer',
  broker: 'own',
  load: { rate: 50, duration: '36s' },
  expect: { recovery: '12s', inFlight: true },
  catches: { 'R2-redelivered-is-poison': 'no-loss' },
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
  const slow = await run.inject(faults.worker([{ do: 'slow', delay: '1.5s', times: 4 }]));
  await slow.inEffect();
  const down = await run.inject(faults.brokerDown('kill', { waiting: 10 }));
  await down.inEffect();
  await slow.heal();
  await down.heal();
  await run.recovered();
}
