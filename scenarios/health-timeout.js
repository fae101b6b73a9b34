// C3. A backend answers its health check slower than the check's time-out, while it serves as before. It is out after
// so many failures in a row, and back after so many good answers, at the times that follow from the settings; one
// slow answer is no illness. Real: time-out 5 s, interval 5 min; here 150 ms and 200 ms.
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'C3',
  target: 'proxy',
  needs: 'health-checks',
  backends: 2,
  load: { rate: 100, duration: '9s' },
  expect: { recovery: '1s', rotation: { interval: '200ms', timeout: '150ms', healthy: 2, unhealthy: 2, exact: true } },
  catches: { 'C3-never-back': 'rotation', 'C3-out-too-soon': 'rotation', 'C3-out-too-late': 'rotation', 'C3-in-too-soon': 'rotation' },
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
  const slow = await run.inject(faults.backend([{ on: 'health', do: 'slow', delay: '300ms', times: 8 }], { backend: 1 }));
  await slow.inEffect();
  await slow.spent();
  await slow.heal();
  await slow.gone();
  await run.recovered();
}
