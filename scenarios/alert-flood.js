// A10. Every job fails, a thousand times and more, and the webhook has had enough of us (429). Whoever is
// on call must hear of it once, and once that it is over, though the webhook refuses the first message: it is sent
// again (whether as late as the webhook said is not judged here), and no failure has an alert of its own. The consumer is told to put up with 1000 failures in a row before it does anything.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'A10',
  target: 'consumer',
  needs: ['alerts', 'memory', 'tolerant'],
  load: { rate: 100, duration: '25s' },
  expect: {
    recovery: '12s',
    hooks: { restart: { min: 1, max: 1 } },
    alerts: 1,
  },
  catches: { 'A10-alert-every-job': 'alerts', 'A10-alert-once': 'alerts' },
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
  const limited = await run.inject(faults.alertSink([{ do: 'limit', times: 1 }]));
  const fails = await run.inject(faults.worker([{ do: 'fail' }]));
  await run.hookCalls('restart', 1); // after 1000 failures in a row
  await limited.inEffect();
  await fails.heal();
  await limited.heal();
  await run.recovered();
}
