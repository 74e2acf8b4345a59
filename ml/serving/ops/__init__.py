"""The page of operations: model, workflow and outcome metrics side by side, each reader with their own sections.

Here belong reading the published document, who may see what, and drawing. Counting is another room's.
"""
