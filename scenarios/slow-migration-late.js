// C1. A migration that takes longer than the grace period: that is a failure, and said so; the old version serves all
// along and stays. Real: the target group took the task out while it was still migrating, again and again.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'C1',
  target: 'proxy',
  needs: 'rollout',
  programs: 'asgi',
  backends: 1,
  load: { rate: 50, duration: '15s' },
  expect: { recovery: '1s', serves: '1', version: '1' },
  catches: { 'C1-endless-grace': 'rollout' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  if (exec.scenario.iterationInTest % 3) {
    site.get('/');
  } else { // which no client repeats by itself
    site.post('/', '{"item":7}');
  }
}

export async function story() {
  await run.steady();
  const rollout = await run.inject(
    faults.rollout('2', {
      backend: { asgi: { app: 'django', gunicorn: true, workers: 2, timeout: '300s', migrate: '60s' } },
      grace: '1500ms', limit: '7s', ends: 'rolled-back', says: 'not healthy within 1.5s: connection refused',
    }),
  );
  await rollout.inEffect();
  await rollout.spent();
  await rollout.heal();
  await rollout.gone();
  await run.recovered();
}
