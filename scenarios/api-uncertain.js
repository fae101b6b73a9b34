// R52, R53. The API server accepts an image and answers 500 all the same; it cuts the connection after it
// has accepted, and after it has not; it accepts when the consumer has given up waiting. Nobody can tell
// which: the report is repeated under the same Idempotency-Key until it is certain, and counts once.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['R52', 'R53'],
  target: 'consumer',
  needs: ['outages'],
  load: { rate: 100, duration: '13s' },
  expect: { recovery: '4s', inFlight: true },
  catches: { 'R52-new-key-each-try': 'duplicates', 'R53-cut-is-sent': 'no-loss' },
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
  // Twelve times is three for each job that is in work: fewer than an outage would take.
  for (const fault of [
    faults.api([{ do: 'accept-then-fail', times: 12 }]),
    faults.api([{ do: 'accept-then-cut', times: 12 }]),
    faults.api([{ do: 'cut', times: 12 }]),
    faults.api([{ do: 'slow', delay: '700ms', times: 4 }]),
  ]) {
    const active = await run.inject(fault);
    await active.spent();
    await active.heal();
    await run.recovered();
  }
}
