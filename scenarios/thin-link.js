// R31. The way to the AI process, on another host, has next to no bandwidth: an image takes most of a
// second to come. The jobs pile up, and none may be given up for it.
// Real: a saturated network for an hour. Here: 1500 bytes a second for each connection, for 3 s.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R31',
  target: 'consumer',
  links: 'ai',
  load: { rate: 50, duration: '13s' },
  expect: { recovery: '5s', inFlight: true },
  catches: { 'R31-impatient': 'no-loss' },
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
  const thin = await run.inject(faults.link('ai', 'bandwidth', { rate: 1500 }));
  await thin.inEffect();
  sleep(3);
  await thin.heal();
  await run.recovered();
}
