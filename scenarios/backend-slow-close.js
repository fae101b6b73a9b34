// N5. Backends that close each connection after its answer, and a way on which the close of one of them is heard of
// seconds late. The answers say how long they are: they are whole before that, and no client may wait for the close. Real: a
// load balancer or a NAT between that holds FINs back, a server that lingers. Here: 3 s late, for 4 s.
import { sleep } from 'k6';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'N5',
  target: 'proxy',
  backends: [{ closes: true }, { closes: true }],
  links: 'backend',
  load: { rate: 100, duration: '12s' },
  expect: { recovery: '1s', version: '1', backIn: '1s', serving: { share: 0.98, within: '500ms' } },
  catches: { 'N5-reads-to-the-end': 'serving' },
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
  const late = await run.inject(faults.link('backend', 'slow-close', { delay: '3s', backend: 1 }));
  await late.inEffect();
  sleep(4);
  await late.heal();
  await late.gone();
  await run.recovered();
}
