// R44. The AI process answers 200, and yet there is no image: text in its place, half a JSON, a connection
// that is cut in the middle of the answer. None of it may be reported, and each job is done in the end.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R44',
  target: 'consumer',
  load: { rate: 100, duration: '12s' },
  expect: { recovery: '3s' },
  catches: { 'R44-believe-200': 'whole-results', 'R44-forwards-json': 'whole-results' },
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
  for (const fault of [
    faults.worker([{ do: 'garbage', times: 15 }]),
    faults.worker([{ do: 'truncate', times: 15 }]),
    faults.worker([{ do: 'cut', times: 15 }]),
  ]) {
    const active = await run.inject(fault);
    await active.spent();
    await active.heal();
    await run.recovered();
  }
}
