// Starts a page: loads its script, and only then lets people use what is in it. Until then no button is there to be pressed in vain.

const { script } = document.querySelector("script[data-script]").dataset;

document.querySelector(".side nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // on a narrow screen the row is longer

try {
  await import(script);
  document.getElementById("main").inert = false;
} catch (error) {
  console.error(error);
  document.getElementById("page-failed").hidden = false;
}
