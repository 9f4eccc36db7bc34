"""Click models: what people looked at and liked, from what they clicked."""
