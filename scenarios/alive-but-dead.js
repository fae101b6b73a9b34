// D1. One of two backends runs out of heap: its garbage collector takes over, a core burns, each answer is later than the
// one before, and the process neither dies nor refuses a connection. It is out by what its health check answers, or
// rather does not in time, as any other that is ill; and back in once it is well. Real: a script that looked for a dead
// process never did anything. Its answers get later twice as fast every 5 ms here, every few seconds there.
import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'D1',
  target: 'proxy',
  needs: 'health-checks',
  backends: 2,
  load: { rate: 100, duration: '10s' },
  expect: { recovery: '2s', version: '1', errors: 60, rotation: { interval: '200ms', timeout: '150ms', healthy: 2, unhealthy: 2 } },
  catches: { 'D1-alive-is-healthy': 'rotation' },
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
  const spiral = await run.inject(faults.backend([{ do: 'spiral', delay: '5ms' }], { backend: 1 }));
  await spiral.inEffect();
  sleep(2.5);
  await spiral.heal();
  await spiral.gone();
  await run.recovered();
}
