// R82. The disk is full where the consumer writes down which jobs it has finished. That it does so saves money
// after a restart; it is no reason to do no jobs. Whoever is on call hears of it once, and once that it is over;
// when there is room again it writes again.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R82',
  target: 'consumer',
  needs: ['state', 'alerts'],
  load: { rate: 50, duration: '8s' },
  expect: { recovery: '1s', alerts: 1, serving: { share: 0.95, within: '1s' } },
  catches: { 'R82-no-room-no-work': 'serving' },
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
  const full = await run.inject(faults.diskFull());
  await full.inEffect();
  sleep(2); // of work without a journal
  await full.heal();
  await run.recovered();
}
