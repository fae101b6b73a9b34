// C5. A new version that never gets healthy is given up within the limit, and rolled back; the old one serves all
// along, and the reason is told. Real: 30 minutes of waiting, and then no way back.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'C5',
  target: 'proxy',
  needs: 'rollout',
  backends: 2,
  load: { rate: 100, duration: '13s' },
  expect: { recovery: '1s', serves: '1', version: '1' },
  catches: { 'C5-no-rollback': 'rollout', 'C5-waits-for-ever': 'rollout' },
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
    faults.rollout('2', {
      backend: { rules: [{ on: 'health', do: 'fail', status: 503 }] },
      grace: '1s', limit: '4s', ends: 'rolled-back', says: 'not healthy within 1s: 503, wanted 200',
    }),
  );
  await rollout.inEffect();
  await rollout.spent();
  await rollout.heal();
  await rollout.gone();
  await run.recovered();
}
