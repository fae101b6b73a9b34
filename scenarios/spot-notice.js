// A12. First the metadata service of a spot instance answers errors, garbage or nothing: that is no
// notice, and everybody works on. Then one of two instances gets the notice that it is taken away: it
// takes no more jobs, finishes or hands back what it has, and ends with 0 before its time; the other one
// goes on, and a fresh instance takes its place. Real: 2 minutes; here 2 to 3 s.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'A12',
  target: 'consumer',
  instances: 2,
  needs: ['notice'],
  load: { rate: 60, duration: '9s' },
  expect: { recovery: '4s', inFlight: true, takeover: '1s', fairShare: 0.5 },
  catches: {
    'A12-notice-ignored': 'clean-exit',
    'A12-any-answer-is-a-notice': 'target-exit',
    'A12-acks-all': 'no-loss',
  },
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
  const away = await run.inject(faults.metadata([
    { do: 'fail', times: 1 }, { do: 'garbage', times: 1 }, { do: 'cut', times: 1 }, { do: 'hang' },
  ]));
  await away.inEffect();
  await away.heal();
  await run.recovered();
  const slow = await run.inject(faults.worker([{ do: 'slow', delay: '500ms' }]));
  await slow.inEffect();
  const notice = await run.inject(faults.notice({ in: '2s', holding: 4 })); // its hands are full
  await notice.inEffect();
  await slow.heal();
  await notice.heal();
  await run.recovered();
}
