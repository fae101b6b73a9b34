// C4. Somebody wants the line about the lifespan out of the log. --lifespan off is no option of gunicorn's, which ends
// at once (exit 2): a start failure, reported with its cause, that never gets traffic. A worker class of one's own does it.
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
  catches: { 'C5-no-rollback': 'rollout' },
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
  await rollOut(
    faults.rollout('2', {
      backend: { asgi: { gunicorn: true, lifespan: 'off', by: 'option' } },
      grace: '7s', ends: 'rolled-back', says: 'exit 2: gunicorn: error: unrecognized arguments: --lifespan off',
    }),
  );
  await rollOut(faults.rollout('3', { backend: { asgi: { gunicorn: true, lifespan: 'off', by: 'worker' } }, grace: '7s' }));
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
