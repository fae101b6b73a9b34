// C6. A service whose settings let all of the old version be stopped before any of the new one serves (minimum healthy
// 0 %, no room beside it). The last healthy backend is not given up all the same: the proxy refuses, the deployer waits,
// and nobody is turned away. Real: the old task was stopped by hand while the new one was still unhealthy.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['C6', 'C5'],
  target: 'proxy',
  needs: 'rollout',
  backends: 2,
  load: { rate: 100, duration: '13s' },
  expect: { recovery: '1s', serves: '2' },
  catches: { 'C6-forces-the-last': 'turned-away', 'C5-over-the-maximum': 'rollout', 'C5-one-is-enough': 'rollout' },
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
  const rollout = await run.inject(faults.rollout('2', { minimumHealthy: 0, maximum: 100, grace: '5s' }));
  await rollout.inEffect();
  await rollout.spent();
  await rollout.heal();
  await rollout.gone();
  await run.recovered();
}
