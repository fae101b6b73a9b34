// C5. The new version takes its time to get healthy, and a deployer that has switched off the wait for it is green
// at once, while the old version still serves: what counts is who answers, and that green is red here. Real: "done" after
// 2 minutes, and nothing had changed for anybody.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['C5', 'C7'],
  target: 'proxy',
  needs: 'rollout',
  backends: 2,
  load: { rate: 100, duration: '13s' },
  expect: { recovery: '1s', serves: '2' },
  catches: { 'C5-done-means-started': 'rollout', 'C5-sends-to-starting': 'rollout' },
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
    faults.rollout('2', { backend: { rules: [{ on: 'health', do: 'fail', status: 503, within: '3s' }] }, grace: '6s' }),
  );
  await rollout.inEffect();
  await rollout.spent();
  await rollout.heal();
  await rollout.gone();
  await run.recovered();
}
