// C9. One of two backends dies in the middle of its requests (SIGKILL), stays away for a while and comes back.
// What is safe to ask for twice is asked of the other one, and no client notices; an order that the dead one
// had begun fails once, and is not given to the other as well. Real: a worker that outlives gunicorn's --timeout.
import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const slow = { latency: { median: '100ms' } }; // some are always under way
const run = incident({
  id: 'C9',
  target: 'proxy',
  backends: [slow, slow],
  load: { rate: 100, duration: '11s' },
  expect: { recovery: '2s', errors: 12, askedAgain: true, backIn: '2s', version: '1' },
  catches: { 'C9-retries-post': 'once', 'C9-says-done': 'acknowledged' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  if (exec.scenario.iterationInTest % 3 === 0) { // not by turns of two, as the backends are given theirs
    site.get('/items/7');
  } else {
    site.post('/orders', '{"item":7}');
  }
}

export async function story() {
  await run.steady();
  const dead = await run.inject(faults.backendDown({ backend: 1 }));
  await dead.inEffect();
  sleep(2); // the length of the outage
  await dead.heal();
  await dead.gone();
  await run.recovered();
}
