"""Operations: how the relationship with customers is worked: processes, activities, what comes of them, and sellers."""

PARTS = ("processes", "activities", "outputs", "sellers")
