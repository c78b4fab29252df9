// On the pages of those who watch no exam: the help, and what is said when the login ends. Whoever watches has `proctor/nav.js`.

import "../proctor/help.js";
import "../proctor/signed-out.js";
