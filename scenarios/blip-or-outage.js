// D3. The data source of one of two backends fails for a moment: one health check says so, and one request fails. That is
// a blip, and changes nothing. Then it is gone for longer, and the backend's composite health says 503 and names it,
// though the process lives and answers: it is out until it says that all is well, and then back in. Real: a pool that is
// exhausted for a second at every deploy, and a data source that is down.
import { sleep } from 'k6';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'D3',
  target: 'proxy',
  needs: ['health-checks', 'ejection'],
  backends: 2,
  load: { rate: 100, duration: '11s' },
  expect: { recovery: '1s', version: '1', errors: 1, rotation: { interval: '200ms', timeout: '150ms', healthy: 2, unhealthy: 2 } },
  catches: { 'D3-blip-ejects': 'rotation' },
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
  const blip = await run.inject(faults.backend([{ do: 'down', part: 'dataSource', times: 1 }, { do: 'fail', times: 1 }], { backend: 1 }));
  await blip.spent();
  await blip.heal();
  await blip.gone();
  sleep(1.5);
  const outage = await run.inject(faults.backend([{ do: 'down', part: 'dataSource' }], { backend: 1 }));
  await outage.inEffect();
  sleep(1.5);
  await outage.heal();
  await outage.gone();
  await run.recovered();
}
