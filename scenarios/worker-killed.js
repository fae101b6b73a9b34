// C9. A worker of a real gunicorn outlives --timeout and is killed by its master, in the middle of all the requests that
// it has. What is safe to ask for twice is asked of the other backend; an order that the dead worker had begun fails once,
// and is not given to the other as well. Real: --timeout 300, here 2.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const gunicorn = { asgi: { gunicorn: true, timeout: '2s' } };

const run = incident({
  id: 'C9',
  target: 'proxy',
  needs: 'patient',
  backends: [gunicorn, gunicorn],
  load: { rate: 40, duration: '14s' },
  expect: { recovery: '3s', errors: 15, serving: { share: 0.8, within: '1s' }, askedAgain: true, version: '1' },
  catches: { 'C9-retries-post': 'once' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  if (exec.scenario.iterationInTest % 3 === 0) { // not by turns of two, as the backends are given theirs
    site.get('/slow?ms=300');
  } else {
    site.post('/slow?ms=300', '{"item":7}');
  }
}

export async function story() {
  await run.steady();
  const stuck = await run.inject(faults.stuck({ backend: 1 }));
  await stuck.inEffect();
  await stuck.heal();
  await stuck.gone();
  await run.recovered();
}
