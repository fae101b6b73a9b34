// D5. The account service hangs, and nobody has set a time-out that is worth the name (real: 30 s; here 3 s). Behind two of
// four backends each request for /account then holds a thread, and a backend without threads answers nobody. The
// target gives a backend no more than 10 requests at a time, so that its threads never run out: /account waits and
// fails, and everything else is as fast as ever. Real: the account service, backend 1, backend 2 with its share, the gateway.
import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const calls = { threads: 16, account: { url: 'http://account/', path: '/account', timeout: '3s' } };
const run = incident({
  id: 'D5',
  target: 'proxy',
  needs: ['narrow', 'patient'],
  backends: [calls, calls, {}, {}], // the others have a copy of the accounts
  load: { rate: 200, duration: '11s' },
  expect: { recovery: '2s', version: '1', latency: { p99: '200ms', path: '/items' }, errors: 40, turnedAway: { min: 0, max: 10 } },
  catches: { 'D5-no-bulkhead': 'latency' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  // One of five: with one of four, who takes turns over four backends would send all of them to the same one.
  site.get(exec.scenario.iterationInTest % 5 ? '/items/7' : '/account/7');
}

export async function story() {
  await run.steady();
  const hangs = await run.inject(faults.account([{ do: 'hang' }]));
  await hangs.inEffect();
  sleep(4);
  await hangs.heal();
  await hangs.gone();
  await run.recovered();
}
