// C4. --lifespan on for an app that knows none (a Django site under uvicorn): the server ends itself (exit 3). That is a
// start failure, reported with its cause; it never gets traffic, and the old version stays.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'C4',
  target: 'proxy',
  needs: 'rollout',
  programs: 'asgi',
  backends: 1,
  load: { rate: 50, duration: '15s' },
  expect: { recovery: '1s', serves: '1', version: '1' },
  catches: { 'C5-done-means-started': 'rollout' },
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
      backend: { asgi: { app: 'django', lifespan: 'on' } },
      grace: '5s', limit: '9s', ends: 'rolled-back', says: 'exit 3: ERROR:    Application startup failed. Exiting.',
    }),
  );
  await rollout.inEffect();
  await rollout.spent();
  await rollout.heal();
  await rollout.gone();
  await run.recovered();
}
