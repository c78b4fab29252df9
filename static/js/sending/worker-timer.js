// A Worker that ticks. In a hidden tab the page's own timers fall to one a second or one a minute; a worker's go on.

let timer = 0;

function run(period) {
  clearTimeout(timer);
  let next = performance.now() + period;
  const tick = () => {
    postMessage(performance.timeOrigin + performance.now());
    const now = performance.now();
    next = Math.max(next + period, now); // late ticks are not made up for
    timer = setTimeout(tick, next - now);
  };
  timer = setTimeout(tick, period);
}

onmessage = ({ data }) => {
  if (data.period > 0) run(data.period);
  else clearTimeout(timer);
};
