// N4. The way to one of two backends has next to no bandwidth: a page takes two seconds, a health check no time. Who gives
// requests to the backend that has the fewest of them under way leaves it alone by itself; who takes turns, half of the
// clients wait for. Real: a throttled instance, a saturated uplink. Here: 20,000 bytes a second for each connection, for 4 s.
import { sleep } from 'k6';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const page = { pages: [{ size: 40000 }] };

const run = incident({
  id: 'N4',
  target: 'proxy',
  needs: 'least-active',
  backends: [page, page],
  links: 'backend',
  load: { rate: 100, duration: '12s' },
  expect: { recovery: '1s', version: '1', backIn: '1s', serving: { share: 0.95, within: '500ms' } },
  catches: { 'N4-takes-turns': 'serving' },
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
  const thin = await run.inject(faults.link('backend', 'bandwidth', { rate: 20000, backend: 1 }));
  await thin.inEffect();
  sleep(4);
  await thin.heal();
  await thin.gone();
  await run.recovered();
}
