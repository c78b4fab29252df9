// Tells the learning platform that opened this page, in a frame or a window, that the registration is over. It says nothing else, so it may say it to anybody.

(window.opener ?? window.parent).postMessage({ subject: "org.imsglobal.lti.close" }, "*");
