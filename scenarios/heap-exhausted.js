// D1. A real JVM runs out of heap: -Xmx is reached, its collector runs all the time and frees nothing, the process lives,
// and its port takes connections that nobody answers. It is out by what its health check does not answer, and back in once it
// was started anew. Real: a restart script that looked for a dead process. It cannot even write its log then, so that
// what is judged is what clients notice: half of the requests for half a second, and none after that.
import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'D1',
  target: 'proxy',
  needs: 'health-checks',
  backends: [{}, { jvm: {} }],
  load: { rate: 50, duration: '13s' },
  expect: { recovery: '3s', version: '1', errors: 100, serving: { share: 0.92, within: '500ms' }, backIn: '2s' },
  catches: { 'D1-alive-is-healthy': 'serving' },
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
  const full = await run.inject(faults.heap({ backend: 1 }));
  await full.inEffect();
  sleep(4);
  await full.heal();
  await full.gone();
  await run.recovered();
}
