// C5. A new version is rolled out under load, by ECS's rules: the old one serves until the new one is healthy, nobody
// is turned away or fails, and "done" means that the new one serves, alone. Real: the deploy failed after 30 minutes
// of waiting for stability, though the new task definition was in place.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'C5',
  target: 'proxy',
  needs: 'rollout',
  backends: 2,
  load: { rate: 100, duration: '11s' },
  expect: { recovery: '1s', serves: '2' },
  catches: { 'C5-stops-old-first': 'rollout' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  if (exec.scenario.iterationInTest % 3) {
    site.get('/items/7');
  } else { // which no client repeats by itself
    site.post('/orders', '{"item":7}');
  }
}

export async function story() {
  await run.steady();
  const rollout = await run.inject(
    faults.rollout('2', { backend: { rules: [{ on: 'boot', do: 'slow-boot', delay: '1s' }] }, grace: '5s' }),
  );
  await rollout.inEffect();
  await rollout.spent();
  await rollout.heal();
  await rollout.gone();
  await run.recovered();
}
