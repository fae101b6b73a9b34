// C1. A version whose boot takes as long as its migration (manage.py migrate && gunicorn …): inside its grace period a
// slow boot is no failure; the old version serves meanwhile, and the new one after it. Real: minutes, here 2 s.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'C1',
  target: 'proxy',
  needs: 'rollout',
  programs: 'asgi',
  backends: [{ latency: { median: '30ms' } }],
  load: { rate: 50, duration: '16s' },
  expect: { recovery: '2s', serves: '2' },
  catches: { 'C1-no-grace': 'rollout' },
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
      backend: { asgi: { app: 'django', gunicorn: true, workers: 2, timeout: '300s', migrate: '2s' } },
      grace: '9s', limit: '10s',
    }),
  );
  await rollout.inEffect();
  await rollout.spent();
  await rollout.heal();
  await rollout.gone();
  await run.recovered();
}
