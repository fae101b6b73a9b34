// R50, R51. The API server that takes the images is away for longer than one report is tried, and later so
// slow that the jobs pile up. No outage of its counts against a job, each job is acked only when its image
// was taken, and on call hears of it once. Real: 30 s for one report, here 1 s.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['R50', 'R51'],
  target: 'consumer',
  needs: ['alerts', 'outages'],
  load: { rate: 50, duration: '15s' },
  expect: { recovery: '4s', alerts: 1, inFlight: true },
  catches: { 'R50-outage-is-the-jobs': 'no-loss', 'R51-report-in-background': 'ack-after-report' },
});

export const options = run.options;

export function setup() {
  run.start();
}

export function load() {
  run.submit({ prompt: 'a cat on a bicycle' });
}

export async function story() {
  await run.steady();
  const down = await run.inject(faults.api([{ do: 'down' }]));
  await down.inEffect();
  sleep(3);
  await down.heal();
  await run.recovered();
  const slow = await run.inject(faults.api([{ do: 'slow', delay: '200ms' }]));
  await slow.inEffect();
  sleep(1.5);
  await slow.heal();
  await run.recovered();
}
