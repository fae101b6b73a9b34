// N6. A firewall forgets the connections that are kept open to one of two backends: what is sent on them is lost, and
// nobody is told. New ones, and so the health checks, are fine. The few requests that meet a dead connection end at the
// limit for the first byte, no connection meets a second one, and nobody waits for longer. Real: an idle time-out in a NAT
// that is shorter than the keep-alive. Here: a limit of 1 s.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'N6',
  target: 'proxy',
  backends: [{ latency: { median: '30ms' } }, { latency: { median: '30ms' } }],
  links: 'backend',
  load: { rate: 100, duration: '10s' },
  expect: { recovery: '4s', version: '1', backIn: '1s', errors: 15 },
  catches: { 'N6-waits-for-ever': 'answered' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  if (exec.scenario.iterationInTest % 3) {
    site.get('/items/7', { timeout: '3s' });
  } else { // which no client repeats by itself
    site.post('/orders', '{"item":7}', { timeout: '3s' });
  }
}

export async function story() {
  await run.steady();
  const forgotten = await run.inject(faults.link('backend', 'half-open', { backend: 1 }));
  await forgotten.inEffect();
  await forgotten.heal();
  await forgotten.gone();
  await run.recovered();
}
