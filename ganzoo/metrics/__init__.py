"""Measures of samples: functions of features, each with its formula, its paper and its limits."""
