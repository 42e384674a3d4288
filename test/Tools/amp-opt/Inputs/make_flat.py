# A module in which nothing is nested, though much looks like it.
print("// " + "(" * 2000)
print('module attributes {my.text = "' + "[" * 2000 + '\\"<", ')
print(", ".join("my.s%d = affine_set<(d0) : (d0 >= 0)>" % i for i in range(1200)) + "} {")
for i in range(1200):
    print("func.func private @f%d(i1) -> i1" % i)
print("}")
