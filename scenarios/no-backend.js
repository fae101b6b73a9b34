// C6. The last healthy backend goes, too. Nobody can be served, and everybody is told so at once, with the time
// after which to come again (503, Retry-After), instead of waiting for an answer that cannot come. As soon as one
// backend is healthy again, so is the service. Real: the old task was stopped by hand before the new one was well.
import { sleep } from 'k6';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'C6',
  target: 'proxy',
  needs: 'retry-after',
  backends: 2,
  load: { rate: 100, duration: '10s' },
  expect: { recovery: '1s', version: '1', errors: 20, turnedAway: { min: 150, max: 300, within: '250ms', status: 503 } },
  catches: { 'C6-no-retry-after': 'errors', 'C6-lets-wait': 'turned-away' },
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
  const first = await run.inject(faults.backendDown({ backend: 0 }));
  await first.inEffect();
  const last = await run.inject(faults.backendDown({ backend: 1 }));
  await last.inEffect();
  sleep(1.5); // the length of the outage
  await last.heal();
  await last.gone();
  await first.heal();
  await first.gone();
  await run.recovered();
}
