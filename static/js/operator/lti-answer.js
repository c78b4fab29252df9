// Sends what was chosen back to the learning platform; where that fails the form's button is still there.

document.getElementById("answer").submit();
