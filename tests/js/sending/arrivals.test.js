import assert from "node:assert/strict";
import test from "node:test";

import { Arrivals } from "../../../static/js/sending/arrivals.js";

test("pictures are counted by all that a browser counts, and by nothing where it counts nothing", () => {
  assert.equal(new Arrivals({}).count, 0);
  let present = null;
  const video = {
    srcObject: { getVideoTracks: () => [{ stats: { deliveredFrames: 5 } }] },
    getVideoPlaybackQuality: () => ({ totalVideoFrames: 3 }),
    requestVideoFrameCallback: (call) => {
      present = call;
    },
  };
  const arrivals = new Arrivals(video);
  assert.equal(arrivals.count, 8);
  present(0, { presentedFrames: 2 });
  assert.equal(arrivals.count, 10);
  present(0, { presentedFrames: 3 });
  assert.equal(arrivals.count, 11);
});
