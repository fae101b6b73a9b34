// C2. The new server answers its health check's path with 404: it is not put into service, the reason says what came
// back and what was wanted, rather than "unhealthy", and the old version stays. Real: /swagger, matcher 200 or 301, under
// gunicorn with uvicorn workers.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'C2',
  target: 'proxy',
  needs: 'rollout',
  programs: 'asgi',
  backends: 1,
  load: { rate: 50, duration: '13s' },
  expect: { recovery: '1s', serves: '1', version: '1' },
  catches: { 'C2-any-answer-is-healthy': 'rollout' },
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
      backend: { asgi: { gunicorn: true, swagger: 404 }, health: '/swagger' },
      health: { codes: '200,301' },
      grace: '20s', limit: '6s', ends: 'rolled-back', says: '404, wanted 200 or 301',
    }),
  );
  await rollout.inEffect();
  await rollout.spent();
  await rollout.heal();
  await rollout.gone();
  await run.recovered();
}
