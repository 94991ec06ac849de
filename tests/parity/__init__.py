"""What an app answers is the same on both entries and in both colours, and what Flask answers where Flask can."""
