// C4. "ASGI 'lifespan' protocol appears unsupported." in the log of a Django site that is rolled out under gunicorn with
// uvicorn workers: harmless, it serves. UVICORN_LIFESPAN, which reaches uvicorn's own command line only, changes nothing.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'C4',
  target: 'proxy',
  needs: 'rollout',
  programs: 'asgi',
  backends: [{ latency: { median: '30ms' } }],
  load: { rate: 50, duration: '15s' },
  expect: { recovery: '2s', serves: '3' },
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
  await rollOut(faults.rollout('2', { backend: { asgi: { app: 'django', gunicorn: true } }, grace: '7s' }));
  await rollOut(
    faults.rollout('3', { backend: { asgi: { app: 'django', gunicorn: true, lifespan: 'on', by: 'env' } }, grace: '7s' }),
  );
}

/** @param {import("k6/x/comeback").Fault} version */
async function rollOut(version) {
  const rollout = await run.inject(version);
  await rollout.inEffect();
  await rollout.spent();
  await rollout.heal();
  await rollout.gone();
  await run.recovered();
}
