"""The command line, by what a command is about. Each function takes options apart, calls one step and answers.

What does not belong here: logic (orchestration/steps), and how an answer is printed (orchestration/answers.py).
"""
