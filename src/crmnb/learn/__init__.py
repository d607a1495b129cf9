"""Training: lessons, exercises, repeats, quizzes and the capstone. In a notebook: `from crmnb import lesson`."""
