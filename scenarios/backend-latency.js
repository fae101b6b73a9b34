// N1. The way to one of two backends becomes long: what it answers comes 0.6 s late, its health checks' answers, too. It
// is out of rotation as soon as they say so; nobody waits for it until then that need not, and it is back once its way is
// well. Real: a backend in another zone, behind a path that is congested for an hour. Here: 300 ms each way, for 4 s.
import { sleep } from 'k6';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'N1',
  target: 'proxy',
  needs: 'health-checks',
  backends: 2,
  links: 'backend',
  load: { rate: 100, duration: '12s' },
  expect: { recovery: '1s', version: '1', backIn: '1500ms', serving: { share: 0.92, within: '300ms' } },
  catches: { 'D1-alive-is-healthy': 'serving', 'C3-never-back': 'back-in' },
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
  const far = await run.inject(faults.link('backend', 'latency', { delay: '300ms', backend: 1 }));
  await far.inEffect();
  sleep(4);
  await far.heal();
  await far.gone();
  await run.recovered();
}
