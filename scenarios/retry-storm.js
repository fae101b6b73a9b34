// D5. A service is down that all four backends depend on: each of them answers 503 at once. Asking the next one is of no use
// then, and would give the backends twice the work in the very moment when they are worst off: retries are a share
// of the requests (20 % here), whatever fails. Real: the account service; a gateway that tried each request three times.
import { sleep } from 'k6';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'D5',
  target: 'proxy',
  backends: 4,
  load: { rate: 150, duration: '11s' },
  expect: { recovery: '3s', version: '1', errors: 700, turnedAway: { min: 0, max: 1000 }, retries: 0.13 },
  catches: { 'D5-no-budget': 'retries' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  site.get('/items/7');
}

export async function story() {
  await run.steady();
  const down = [];
  for (let backend = 0; backend < 4; backend++) {
    down.push(await run.inject(faults.backend([{ do: 'fail', status: 503 }], { backend })));
  }
  for (const fault of down) {
    await fault.inEffect();
  }
  sleep(4); // the length of the outage
  for (const fault of down) {
    await fault.heal();
  }
  for (const fault of down) {
    await fault.gone();
  }
  await run.recovered();
}
