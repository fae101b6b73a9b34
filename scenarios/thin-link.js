// R31. The way to the API server has next to no bandwidth: each report takes half a second or more. The
// jobs pile up, and none may be given up for it, nor counted twice because it was reported again.
// Real: a saturated uplink for an hour. Here: 800 bytes a second for each connection, for 3 s.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R31',
  target: 'consumer',
  links: 'api',
  load: { rate: 50, duration: '13s' },
  expect: { recovery: '5s', inFlight: true },
  catches: { 'R31-impatient-report': 'no-loss' },
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
  const thin = await run.inject(faults.link('api', 'bandwidth', { rate: 800 }));
  await thin.inEffect();
  sleep(3);
  await thin.heal();
  await run.recovered();
}
