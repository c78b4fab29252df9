// Who reviews: the name, kept in this browser.

const KEY = "reviewer";
const LONGEST = 100; // characters

let kept = ""; // for browsers that store nothing

/** The name, or an empty text where nobody was asked yet. */
export function reviewer() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return kept;
  }
}

/** Remember who reviews in this browser. */
export function setReviewer(name) {
  kept = name.slice(0, LONGEST);
  try {
    localStorage.setItem(KEY, kept);
  } catch {
    console.info("The name is kept for this page only.");
  }
}
